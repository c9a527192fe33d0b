from thingsboard_gateway.gateway.constant_enums import Status
from thingsboard_gateway.gateway.entities.converted_data import ConvertedData

class TBGatewayService:
    def __init__(self, config_file: str) -> None: ...
    def send_to_storage(
        self, connector_name: str, connector_id: str, data: ConvertedData
    ) -> Status: ...
