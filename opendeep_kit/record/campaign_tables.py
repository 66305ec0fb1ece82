"""The tables of campaigns: who is waiting for a call, which calls were placed, what was permitted.

Definitions only, beside those of `tables` and in the same MetaData. A table with `row_id` is append-only; one with
`changed_at` stamps every write to a row, for readers that follow.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from opendeep_kit.record.tables import UtcTime, metadata

NUMBERED = BigInteger().with_variant(Integer, "sqlite")


def _tenant(*, is_key: bool = False) -> Column[str]:
    return Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), primary_key=is_key, nullable=False)


def _campaign(*, is_key: bool = False) -> tuple[Column[str], Column[str], ForeignKeyConstraint]:
    return (
        Column("tenant_id", Text, primary_key=is_key, nullable=False),
        Column("campaign_id", Text, primary_key=is_key, nullable=False),
        ForeignKeyConstraint(["tenant_id", "campaign_id"], ["campaigns.tenant_id", "campaigns.campaign_id"]),
    )


# ---- campaigns --------------------------------------------------------------------------------------

campaigns = Table(
    "campaigns",
    metadata,
    _tenant(is_key=True),
    Column("campaign_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("task_id", Text),
    Column("script_name", Text),
    Column("script_version", Integer),
    Column("state", Text, nullable=False),
    Column("spec", JSON, nullable=False, doc="windows, caps, retries, budget, goal … as JSON"),
    Column("priority", Integer, nullable=False, doc="among the tenant's campaigns; the higher goes first"),
    Column("weight", Double, nullable=False, doc="share among those of one priority"),
    Column("trunk_id", Text, nullable=False),
    Column("starts_at", UtcTime),
    Column("ends_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["tenant_id", "task_id"], ["tasks.tenant_id", "tasks.task_id"]),
    ForeignKeyConstraint(
        ["tenant_id", "script_name", "script_version"], ["scripts.tenant_id", "scripts.name", "scripts.version"]
    ),
    Index(None, "state"),
)

campaign_moves = Table(
    "campaign_moves",
    metadata,
    Column("row_id", NUMBERED, primary_key=True, doc="grows with every commit"),
    *_campaign(),
    Column("before", Text, doc="null: it was made"),
    Column("after", Text, nullable=False),
    Column("fact", Text, nullable=False, doc="what moved it"),
    Column("reason", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("by", Text, nullable=False),
    Index(None, "tenant_id", "campaign_id"),
    sqlite_autoincrement=True,
)

counters = Table(
    "counters",
    metadata,
    *_campaign(is_key=True),
    Column("what", Text, primary_key=True, doc="`waiting`, `claimed`, `final`, `attempts`, `outcome:…`"),
    Column("amount", BigInteger, nullable=False),
)

spending = Table(
    "spending",
    metadata,
    *_campaign(is_key=True),
    Column("currency", Text, primary_key=True, doc="ISO 4217"),
    Column("reserved_minor", BigInteger, nullable=False, doc="for calls that have not ended"),
    Column("spent_minor", BigInteger, nullable=False, doc="for those that have"),
)

# ---- contacts in campaigns --------------------------------------------------------------------------

hour_groups = Table(
    "hour_groups",
    metadata,
    Column("hour_group_id", NUMBERED, primary_key=True),
    *_campaign(),
    Column("clock", Text, nullable=False, doc="the zones and holidays in one text"),
    Column("priority", Integer, nullable=False),
    Column("zones", JSON, nullable=False, doc="IANA names, all that are possible"),
    Column("region", Text, doc="ISO 3166"),
    Column("subdivision", Text, doc="ISO 3166-2 without the country"),
    Column("is_stated", Boolean, nullable=False, doc="by the tenant, not by the number"),
    UniqueConstraint("tenant_id", "campaign_id", "clock", "priority"),
    UniqueConstraint("tenant_id", "campaign_id", "hour_group_id"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("enrolment_id", NUMBERED, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("campaign_id", Text, nullable=False),
    Column("number", Text, nullable=False, doc="E.164"),
    Column("contact_id", Text, doc="as its list calls the person"),
    Column("hour_group_id", NUMBERED, nullable=False),
    Column("state", Text, nullable=False, doc="`enrolments.EnrolmentState`"),
    Column("next_at", UtcTime, doc="not called before; null once final"),
    Column("is_callback", Boolean, nullable=False, doc="the callee asked for `next_at`"),
    Column("attempts", Integer, nullable=False, doc="that may have rung"),
    Column("last_call_id", Text),
    Column("outcome", Text, doc="of the last attempt"),
    Column("final_reason", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("facts", JSON, nullable=False, server_default="{}", doc="the row of its list: what a script may say"),
    ForeignKeyConstraint(
        ["tenant_id", "campaign_id", "hour_group_id"],
        ["hour_groups.tenant_id", "hour_groups.campaign_id", "hour_groups.hour_group_id"],
    ),
    ForeignKeyConstraint(["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.contact_id"]),
    # Its order also finds a number in all of a tenant's campaigns.
    UniqueConstraint("tenant_id", "number", "campaign_id"),
    Index(None, "hour_group_id", "state", "is_callback", "next_at", "enrolment_id"),
    Index(None, "tenant_id", "changed_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", Text, primary_key=True, doc="the call's id"),
    Column("tenant_id", Text, nullable=False),
    Column("campaign_id", Text, nullable=False),
    Column("enrolment_id", NUMBERED, nullable=False),
    Column("number", Text, nullable=False, doc="E.164"),
    Column("state", Text, nullable=False, doc="`attempts.AttemptState`"),
    Column("is_callback", Boolean, nullable=False),
    Column("control_id", Text, nullable=False, doc="who places and follows it"),
    Column("trunk_id", Text, nullable=False),
    Column("worker_id", Text, nullable=False),
    Column("media_host", Text, nullable=False),
    Column("media_port", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False, doc="when it was permitted"),
    Column("dialled_at", UtcTime, doc="just before the line was asked"),
    Column("ended_at", UtcTime),
    Column("changed_at", UtcTime, nullable=False),
    Column("may_have_rung", Boolean, nullable=False, doc="false: certain that nothing left us"),
    Column("phone_result", Text),
    Column("disposition", Text),
    Column("detail", Text),
    Column("currency", Text, doc="ISO 4217; null: no cost is kept"),
    Column("reserved_minor", BigInteger, nullable=False, doc="the most it could cost; 0 once ended"),
    Column("spent_minor", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "number", "campaign_id"],
        ["enrolments.tenant_id", "enrolments.number", "enrolments.campaign_id"],
    ),
    Index(None, "state", "control_id"),
    Index(None, "tenant_id", "number"),
    Index(None, "created_at"),
    Index(None, "trunk_id", "created_at"),
    Index(None, "tenant_id", "created_at"),
    Index(None, "tenant_id", "campaign_id", "created_at"),
    Index(None, "tenant_id", "changed_at"),
)

# ---- permission -------------------------------------------------------------------------------------

dnc_entries = Table(
    "dnc_entries",
    metadata,
    # Not a reference: the list of the whole installation is `dnc.EVERYONE`, which can be no tenant's id.
    Column("tenant_id", Text, primary_key=True),
    Column("entry", Text, primary_key=True, doc="E.164, or a prefix: `+1900*`"),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("call_id", Text, doc="in which it was said"),
    Column("utterance", Text, doc="the callee's own words"),
    Column("added_at", UtcTime, nullable=False),
    Column("added_by", Text, nullable=False),
)

dnc_removals = Table(
    "dnc_removals",
    metadata,
    Column("row_id", NUMBERED, primary_key=True, doc="grows with every commit"),
    *(Column(column.name, column.type, nullable=column.nullable) for column in dnc_entries.c),
    Column("removed_at", UtcTime, nullable=False),
    Column("removed_by", Text, nullable=False),
    Column("removal_reason", Text, nullable=False),
    Index(None, "tenant_id", "entry"),
    sqlite_autoincrement=True,
)

dnc_lists = Table(
    "dnc_lists",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, doc="one more with every change"),
    Column("changed_at", UtcTime, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    _tenant(is_key=True),
    Column("number", Text, primary_key=True, doc="E.164"),
    Column("reference", Text, primary_key=True, doc="where it is on file"),
    Column("given_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("changed_at", UtcTime, nullable=False),
)

permissions = Table(
    "permissions",
    metadata,
    Column("row_id", NUMBERED, primary_key=True, doc="grows with every commit"),
    _tenant(),
    Column("campaign_id", Text, nullable=False),
    Column("number", Text, nullable=False, doc="E.164"),
    Column("attempt_id", Text, doc="null: refused"),
    Column("is_allowed", Boolean, nullable=False),
    Column("rule", Text, doc="that refused; null: none did"),
    Column("words", Text, nullable=False),
    Column("facts_sha256", Text, nullable=False),
    Column("dnc_snapshot", Text, nullable=False),
    Column("consent", Text, nullable=False),
    Column("try_again_at", UtcTime),
    Column("at", UtcTime, nullable=False),
    Index(None, "tenant_id", "number", "row_id"),
    Index(None, "tenant_id", "campaign_id", "row_id"),
    sqlite_autoincrement=True,
)
