from thingsboard_gateway.connectors.connector import Connector

class TBModuleLoader:
    LOADED_CONNECTORS: dict[str, type[Connector]]
