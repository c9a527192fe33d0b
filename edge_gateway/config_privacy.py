"""The model of the `[privacy]` table: the permission to count people, and what its notice says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from edge_gateway.config_section import Section

# One line of text for people: printed on a sheet, published, never empty.
Sentence = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    Field(pattern=r"^[^\x00-\x1f\x7f\ufffe\uffff]+$"),
]


class PrivacyConfig(Section):
    """Permission to count people; without this table nothing that counts them is opened.

    The notice sheet says it all in Japanese and in English: where a `_ja` key is left out, the
    Japanese half shows the other text.
    """

    purpose: Annotated[
        Sentence,
        Field(
            description="why people are counted here",
            examples=["Width of the footway, Ekimae street"],
        ),
    ]
    operator: Annotated[
        Sentence,
        Field(description="who answers for it", examples=["City of Example, Road Department"]),
    ]
    contact: Annotated[
        Sentence, Field(description="where a citizen can ask", examples=["roads@city.example"])
    ]
    legal_basis: Annotated[
        Sentence,
        Field(
            description="what allows the counting: law and article, or ordinance",
            examples=["Footway Ordinance of the City of Example, article 7"],
        ),
    ]
    retention: Annotated[
        Sentence,
        Field(
            description="how long the published counts are kept, and where",
            examples=["Counts: five years, in the city's open data"],
        ),
    ]
    notice_posted: Annotated[
        Literal[True], Field(description="true once the notice hangs at the pole", examples=[True])
    ]
    purpose_ja: Annotated[
        Sentence | None,
        Field(description="purpose in Japanese", examples=["駅前通りの歩道幅員の検討"]),
    ] = None
    operator_ja: Annotated[
        Sentence | None, Field(description="operator in Japanese", examples=["〇〇市 道路部"])
    ] = None
    contact_ja: Annotated[
        Sentence | None,
        Field(description="contact in Japanese", examples=["〇〇市 道路部 roads@city.example"]),
    ] = None
    legal_basis_ja: Annotated[
        Sentence | None,
        Field(description="legal_basis in Japanese", examples=["〇〇市歩道条例 第7条"]),
    ] = None
    retention_ja: Annotated[
        Sentence | None,
        Field(
            description="retention in Japanese",
            examples=["人数は市のオープンデータとして5年間保存します"],
        ),
    ] = None
    url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[!-~]+$",
            max_length=200,
            description="page about the counting, for the QR code of the notice",
            examples=["https://city.example/counting"],
        ),
    ] = None
