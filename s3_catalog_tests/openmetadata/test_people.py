from __future__ import annotations

import pytest

from s3_catalog.catalogs import Action
from s3_catalog.catalogs._authority import MemoryLastWritten
from s3_catalog.catalogs._om_url import parse_url
from s3_catalog.catalogs.openmetadata import CATALOG, OpenMetadataCatalog
from s3_catalog.errors import CatalogError
from s3_catalog.model.description import Description
from s3_catalog_tests.catalogs.samples import POLICY, see
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import PERSON_TOKEN, Double
from s3_catalog_tests.openmetadata.tables import key, plain, publish, wider


def replace_text(text: str) -> dict[str, str]:
    return {"op": "replace", "path": "/description", "value": text}


def tags(double: Double, name: str = "a") -> set[str]:
    return {tag["tagFQN"] for tag in double.table(key(name)).get("tags", ())}


def test_our_own_text_is_updated(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old.")])
    plan, outcome = publish(catalog, [plain("a", text="New.")])
    assert plan.changes[0].fields == (("description", "Old.", "New."),)
    assert (double.table(key("a"))["description"], outcome.writes) == ("New.", 1)


def test_our_own_text_is_cleared_when_we_say_no_more(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old.")])
    publish(catalog, [plain("a")])
    assert "description" not in double.table(key("a"))


def test_a_table_that_was_not_described_this_time_keeps_our_text(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old.")])
    plan, _ = publish(catalog, [plain("a", description=None)])
    assert plan.changes[0].action is Action.UNCHANGED
    publish(catalog, [plain("a", text="New.")])
    assert double.table(key("a"))["description"] == "New."


def test_a_persons_text_stays_and_the_plan_says_so(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    double.by_hand(key("a"), replace_text("Theirs."))
    plan, outcome = publish(catalog, [wider(plain("a", text="Ours, new."))])
    assert plan.changes[0].kept == (("description", "Theirs.", "Ours, new."),)
    assert plan.changes[0].fields == (("columns.added", None, "date"),)
    assert (double.table(key("a"))["description"], outcome.failed) == ("Theirs.", ())


def test_a_text_deleted_by_hand_stays_deleted(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    double.by_hand(key("a"), {"op": "remove", "path": "/description"})
    for text in ("Ours.", "Ours, new."):
        plan, outcome = publish(catalog, [plain("a", text=text)])
        assert (plan.changes[0].action, outcome.writes) == (Action.UNCHANGED, 0)
    assert "description" not in double.table(key("a"))


def test_what_a_run_wrote_that_died_before_it_could_remember_is_ours(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old.", tags=("Layer.Raw",))])
    with CATALOG.open(double.url(profiles="off", samples="off")) as next_run:
        publish(next_run, [plain("a", text="Old.", tags=("Layer.Raw",))])
        publish(next_run, [plain("a", text="New.")])
    assert (double.table(key("a"))["description"], tags(double)) == ("New.", set())


def test_an_update_that_a_run_wrote_and_died_before_it_could_remember_is_ours(double: Double) -> None:
    memory, label = MemoryLastWritten(), parse_url(double.url()).label
    old, new = plain("a", text="Old.", tags=("Layer.Raw",)), plain("a", text="New.", tags=("Layer.Gold",))
    with CATALOG.open(double.url(), memory) as catalog:
        publish(catalog, [old])
        before = memory.read(label)
        publish(catalog, [new])
        memory.write(label, before.values())
        _, outcome = publish(catalog, [new])
        assert outcome.writes == 0
        publish(catalog, [plain("a", text="Newer.")])
    assert (double.table(key("a"))["description"], tags(double)) == ("Newer.", set())


def test_what_was_written_is_remembered_while_the_rest_is_still_to_be_written(double: Double) -> None:
    memory, label = MemoryLastWritten(), parse_url(double.url()).label
    seen: list[str] = []

    def look() -> None:
        seen.extend(table.name for table in memory.read(label).values() if table.fields["description"] == "New.")

    names = [f"t{number}" for number in range(6)]
    with CATALOG.open(double.url(batch="2"), memory) as catalog:
        publish(catalog, [plain(name, text="Old.") for name in names])
        double.fail("meanwhile", method="PATCH", after=4, action=look)
        publish(catalog, [plain(name, text="New.") for name in names])
    assert sorted(seen) == names[:4]


def test_a_text_given_back_to_us_is_ours_again(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    double.by_hand(key("a"), replace_text("Theirs."))
    publish(catalog, [plain("a", text="Ours.")])
    double.by_hand(key("a"), replace_text("Ours."))
    publish(catalog, [plain("a", text="Ours, new.")])
    assert double.table(key("a"))["description"] == "Ours, new."


def test_tags_of_people_and_ours_live_side_by_side(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", tags=("Layer.Raw", ("PII.Sensitive", "note")))])
    theirs = {"tagFQN": "PII.None", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    double.by_hand(key("a"), {"op": "add", "path": "/tags/-", "value": theirs})
    plan, _ = publish(catalog, [plain("a", tags=("Layer.Gold", ("PII.Sensitive", "note")))])
    assert plan.changes[0].fields == (("tags", '["Layer.Raw", "PII.None"]', '["Layer.Gold", "PII.None"]'),)
    assert tags(double) == {"Layer.Gold", "PII.None"}


def test_a_tag_removed_by_hand_is_not_set_again(double: Double, catalog: OpenMetadataCatalog) -> None:
    table = plain("a", tags=("Layer.Raw", ("PII.Sensitive", "note")))
    publish(catalog, [table])
    double.by_hand(key("a"), {"op": "remove", "path": "/tags"}, {"op": "remove", "path": "/columns/1/tags"})
    plan, outcome = publish(catalog, [table])
    assert (plan.changes[0].action, outcome.writes) == (Action.UNCHANGED, 0)
    assert {field for field, _, _ in plan.changes[0].kept} == {"tags", "columns.note.tags"}
    plan, _ = publish(catalog, [wider(table)])
    assert tags(double) == set()


def test_a_persons_tier_is_not_joined_by_ours(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    theirs = {"tagFQN": "Tier.Tier1", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    double.by_hand(key("a"), {"op": "add", "path": "/tags", "value": [theirs]})
    plan, outcome = publish(catalog, [plain("a", tags=("Tier.Tier3",))])
    assert (plan.changes[0].kept, outcome.failed) == ((("tags", '["Tier.Tier1"]', '["Tier.Tier3"]'),), ())
    assert tags(double) == {"Tier.Tier1"}


def test_what_a_person_says_of_privacy_is_not_joined_by_ours_but_the_kind_is_told(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    theirs = {"tagFQN": "PII.None", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    double.by_hand(key("a"), {"op": "add", "path": "/columns/1/tags", "value": [theirs]})
    plan, outcome = publish(catalog, [plain("a", tags=(("PII.Sensitive", "note"), ("PII.Email", "note")))])
    assert outcome.failed == ()
    assert plan.changes[0].kept == (("columns.note.tags", '["PII.None"]', '["PII.Sensitive", "PIIKind.Email"]'),)
    assert {tag["tagFQN"] for tag in double.table(key("a"))["columns"][1]["tags"]} == {"PII.None", "PIIKind.Email"}


def test_our_own_tier_changes(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", tags=("Tier.Tier3",))])
    publish(catalog, [plain("a", tags=("Tier.Tier1",))])
    assert tags(double) == {"Tier.Tier1"}


def test_owners_are_known_by_team_user_and_address_and_a_persons_choice_stays(double: Double, catalog: OpenMetadataCatalog) -> None:
    for collection, name in (("teams", "sales"), ("users", "ann"), ("users", "bob")):
        extra = {"email": f"{name}@example.org"} if collection == "users" else {"teamType": "Group"}
        double.person("PUT", f"/{collection}", {"name": name, **extra})
    described = Description(owners=("sales", "ann@example.org", "nobody"))
    publish(catalog, [plain("a", description=described)])
    assert sorted(owner["name"] for owner in double.table(key("a"))["owners"]) == ["ann", "sales"]
    bob = {"id": double.entities.get_by_name("users", "bob")["id"], "type": "user"}
    double.by_hand(key("a"), {"op": "replace", "path": "/owners", "value": [bob]})
    plan, _ = publish(catalog, [wider(plain("a", description=described))])
    assert plan.changes[0].kept == (("owners", '["user:bob"]', '["team:sales", "user:ann"]'),)
    assert [owner["name"] for owner in double.table(key("a"))["owners"]] == ["bob"]


def test_what_a_person_added_to_a_column_survives_a_new_column(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    double.by_hand(
        key("a"),
        {"op": "add", "path": "/columns/1/description", "value": "Free text."},
        {"op": "add", "path": "/columns/1/displayName", "value": "Note"},
        {"op": "add", "path": "/columns/0/constraint", "value": "PRIMARY_KEY"},
    )
    publish(catalog, [wider(plain("a", text="New."))])
    first, second, third = double.table(key("a"))["columns"]
    assert (first["constraint"], second["description"], second["displayName"], third["name"]) == (
        "PRIMARY_KEY",
        "Free text.",
        "Note",
        "added",
    )
    plan, _ = publish(catalog, [wider(plain("a", text="New."))])
    assert plan.count(Action.UNCHANGED) == 1


def test_people_lose_nothing_when_we_write_as_a_person(double: Double, open_on: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENMETADATA_JWT_TOKEN", PERSON_TOKEN)
    catalog = open_on(double)
    publish(catalog, [plain(name) for name in "abcde"])
    double.by_hand(key("a"), {"op": "add", "path": "/description", "value": "Theirs."})
    double.by_hand(key("a"), {"op": "add", "path": "/columns/1/description", "value": "Free text."})
    _, outcome = publish(catalog, [wider(plain(name)) for name in "abcde"])
    table = double.table(key("a"))
    assert (table["description"], table["columns"][1]["description"], len(table["columns"]), outcome.failed) == (
        "Theirs.",
        "Free text.",
        3,
        (),
    )


def test_a_table_deleted_by_hand_is_left_alone(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    double.person("DELETE", f"/tables/{double.table(key('a'))['id']}")
    plan, outcome = publish(catalog, [wider(plain("a"))])
    assert (plan.changes[0].action, plan.changes[0].reason) == (Action.UNCHANGED, "deleted by hand in OpenMetadata")
    assert (outcome.writes, double.table(key("a"))["deleted"]) == (0, True)


def test_a_table_that_we_retired_and_a_person_brought_back_is_deleted_by_hand_like_any_other(
    double: Double, catalog: OpenMetadataCatalog
) -> None:
    tables = [plain(name) for name in "abcd"]
    publish(catalog, tables)
    publish(catalog, tables[1:])
    double.person("PUT", "/tables/restore", {"id": double.table(key("a"))["id"]})
    assert publish(catalog, tables)[0].count(Action.UNCHANGED) == 4
    double.person("DELETE", f"/tables/{double.table(key('a'))['id']}")
    plan, _ = publish(catalog, tables)
    assert plan.changes[0].reason == "deleted by hand in OpenMetadata"
    assert double.table(key("a"))["deleted"] is True


def test_a_table_deleted_for_good_is_made_anew(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    double.person("DELETE", f"/tables/{double.table(key('a'))['id']}?hardDelete=true")
    plan, _ = publish(catalog, [plain("a", text="Ours.")])
    assert plan.changes[0].action is Action.CREATE
    assert double.table(key("a"))["description"] == "Ours."


def test_an_edit_between_plan_and_apply_makes_the_plan_stale(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    plan = catalog.plan([plain("a", text="New.")], see(), POLICY)
    double.by_hand(key("a"), replace_text("Theirs."))
    with pytest.raises(CatalogError, match="changed since this plan was made"):
        catalog.apply(plan)
    assert double.table(key("a"))["description"] == "Theirs."


def test_any_edit_makes_a_plan_stale_also_of_a_table_that_it_leaves_alone(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a"), plain("b")])
    plan = catalog.plan([plain("a", text="New."), plain("b")], see(), POLICY)
    double.by_hand(key("b"), {"op": "add", "path": "/displayName", "value": "Bee"})
    with pytest.raises(CatalogError, match="changed since this plan was made"):
        catalog.apply(plan)
    assert "description" not in double.table(key("a"))


def test_a_person_who_writes_while_we_replace_our_text_wins(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    double.fail("meanwhile", method="PATCH", action=lambda: double.by_hand(key("a"), replace_text("Theirs.")))
    _, outcome = publish(catalog, [plain("a", text="Ours, new.")])
    assert (double.table(key("a"))["description"], [name for name, _ in outcome.failed]) == ("Theirs.", ["a"])
    assert "changed by a person meanwhile" in outcome.failed[0][1]


def test_a_person_who_writes_while_a_bulk_call_is_under_way_keeps_the_text(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain(name) for name in "abcde"])
    theirs = {"op": "add", "path": "/description", "value": "Theirs."}
    double.fail("meanwhile", path="/tables/bulk", action=lambda: double.by_hand(key("a"), theirs))
    _, outcome = publish(catalog, [wider(plain(name)) for name in "abcde"])
    assert (outcome.failed, double.table(key("a"))["description"], len(double.table(key("a"))["columns"])) == ((), "Theirs.", 3)


def test_a_plan_that_others_memories_made_is_refused(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Ours.")])
    plan = catalog.plan([plain("a", text="New.")], see(), POLICY)
    with CATALOG.open(double.url(profiles="off", samples="off")) as forgetful, pytest.raises(CatalogError, match="make a new plan"):
        forgetful.apply(plan)
    assert double.table(key("a"))["description"] == "Ours."


def test_tables_of_others_in_our_service_are_not_ours(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    foreign = {"name": "b", "databaseSchema": "lake_service.lake.root", "columns": [{"name": "x", "dataType": "INT"}]}
    double.person("PUT", "/tables", {**foreign, "locationPath": "s3://lake/b/", "sourceUrl": "https://elsewhere.example/b"})
    plan, outcome = publish(catalog, [plain("a"), plain("b")])
    assert outcome.failed == (("b", f"OpenMetadata's {key('b')} belongs to a table that s3-catalog did not make"),)
    plan, _ = publish(catalog, [plain("a")])
    assert plan.count(Action.RETIRE) == 0
    assert [table.name for table in catalog.list_tables()] == ["a"]
