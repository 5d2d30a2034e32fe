"""boto3 lists the organization of the embedded world, and templates by their tags."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from support import ACCOUNT
from test_boto3_embedded import Serve


def test_accounts_and_units_are_listed(serve: Serve) -> None:
    organizations = serve().client("organizations")
    children = organizations.list_children(ParentId="r-root", ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert [(child["Id"], child["Type"]) for child in children] == [("ou-root-rehearsal", "ORGANIZATIONAL_UNIT")]
    accounts = organizations.list_accounts_for_parent(ParentId="ou-root-rehearsal")["Accounts"]
    assert [(account["Id"], account["Status"]) for account in accounts] == [(ACCOUNT, "ACTIVE")]
    assert organizations.list_accounts_for_parent(ParentId="r-root")["Accounts"] == []
    with pytest.raises(ClientError, match="ParentNotFoundException"):
        organizations.list_accounts_for_parent(ParentId="ou-root-nobody12")


def test_a_list_of_templates_has_their_tags(serve: Serve) -> None:
    templates = serve().fis.list_experiment_templates(maxResults=1)
    assert len(templates["experimentTemplates"]) == 1
    assert templates["experimentTemplates"][0]["tags"] == {"Name": "rehearsal"}
    assert templates["nextToken"]
