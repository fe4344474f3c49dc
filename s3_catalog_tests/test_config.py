"""The configuration: where it comes from, what it refuses, and how it says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from s3_catalog.config import Settings, example_settings, load_settings
from s3_catalog.config_sections import S3Settings
from s3_catalog.errors import ConfigError
from s3_catalog.formats._hints import ReadHints, read_options
from s3_catalog.inference import InferenceRules

SECRET = "do-not-show-this"


def load(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "s3_catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ)


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **environ)
    assert SECRET not in str(caught.value)
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


def uncommented(text: str) -> str:
    """Switch on the settings: their "#" has no space behind it, or more than one."""
    return re.sub(r"^(\s*)#(?=\w|  )", r"\1", text, flags=re.MULTILINE)


def test_without_a_file_the_sample_lake_goes_into_the_embedded_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={})
    assert settings.location.startswith("file:///")
    assert settings.location.endswith("/examples/lake/")
    assert settings.catalog == f"sqlite:///{tmp_path}/.s3_catalog/s3_catalog.db"


def test_home_variable_moves_the_embedded_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={"S3_CATALOG_HOME": "/srv/cat"}).catalog == "sqlite:////srv/cat/s3_catalog.db"


def test_argument_goes_before_variable_goes_before_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("s3_catalog", "variable", "argument"):
        (tmp_path / f"{name}.yaml").write_text(f"location: s3://{name}/\n", encoding="utf-8")
    environ = {"S3_CATALOG_CONFIG": str(tmp_path / "variable.yaml")}
    assert load_settings(tmp_path / "argument.yaml", environ).location == "s3://argument/"
    assert load_settings(environ=environ).location == "s3://variable/"
    assert load_settings(environ={}).location == "s3://s3_catalog/"


def test_location_variable_goes_before_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, "location: s3://file/", S3_CATALOG_LOCATION="s3://variable/p/").location == "s3://variable/p/"


def test_a_wrong_location_variable_is_named_as_the_culprit(tmp_path: Path) -> None:
    assert problems(tmp_path, "location: s3://file/", S3_CATALOG_LOCATION="s4://x/")[0].startswith(
        "S3_CATALOG_LOCATION: location: unknown scheme s4:// in a location: choose one of "
    )


def test_overrides_go_before_file_and_environment_and_none_overrides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("exclude: ['*.bak']\nkeep_runs: 7", encoding="utf-8")
    overrides = {"location": "s3://given/", "exclude": ["*.tmp"], "catalog": None}
    settings = load_settings(path, {"S3_CATALOG_LOCATION": "s3://variable/"}, overrides=overrides)
    assert (settings.location, settings.exclude, settings.keep_runs) == ("s3://given/", ("*.tmp",), 7)
    assert settings.catalog.startswith("sqlite://")


@pytest.mark.parametrize("location", ["s3://b", "s3a://b/p/", "gs://b/", "az://c/p", "file:///data", "data/lake", "~/lake", "memory://"])
def test_a_location_is_a_url_or_a_folder(tmp_path: Path, location: str) -> None:
    assert load(tmp_path, f"location: {location}").location == location


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3: {regoin: eu-west-1}", "s3_catalog.yaml:1: s3.regoin: unknown key, did you mean region?; the keys are endpoint_url, "),
        ("\nlocaton: s3://x/", "s3_catalog.yaml:2: locaton: unknown key, did you mean location?; the keys are location, s3, "),
        ("tables:\n  - pth: a", "s3_catalog.yaml:2: tables[0].path: Field required"),
        ("listing:\n  workers: many", "s3_catalog.yaml:2: listing.workers: should be a valid integer"),
        ("listing:\n  workers: 0", "s3_catalog.yaml:2: listing.workers: should be greater than or equal to 1"),
        ("listing: 4", "s3_catalog.yaml:1: listing: a section is needed here, with the keys workers"),
        ("tables: a", "s3_catalog.yaml:1: tables: should be a valid tuple"),
        ("retire: {max_share: 25}", "s3_catalog.yaml:1: retire.max_share: should be less than or equal to 1"),
        ("max_object_size: 5 parsecs", "s3_catalog.yaml:1: max_object_size: could not interpret byte unit: parsecs"),
        ("max_object_size: 0", "s3_catalog.yaml:1: max_object_size: should be greater than 0"),
        ("location: s3://", "s3_catalog.yaml:1: location: s3:// names no bucket"),
        ("location: s3://AK:do-not-show-this@bucket/", "s3_catalog.yaml:1: location: a s3:// location holds a bucket and a prefix only"),
        ("catalog: catalog.db", "s3_catalog.yaml:1: catalog: not a URL: write sqlite:///"),
        ("s3: {endpoint_url: 'localhost:9000'}", "s3_catalog.yaml:1: s3.endpoint_url: not an http:// or https:// URL"),
        ("s3: {endpoint_url: 'http://u:do-not-show-this@h'}", "s3_catalog.yaml:1: s3.endpoint_url: credentials do not belong in a URL"),
        ("s3: {access_key_id: AK}", "s3_catalog.yaml:1: s3: access_key_id and secret_access_key are given together or not at all"),
        ("s3: {external_id: x}", "s3_catalog.yaml:1: s3: external_id and role_session_name need role_arn"),
        ("s3: {anonymous: true, profile: p}", "s3_catalog.yaml:1: s3: anonymous excludes"),
        ("s3: {ca_bundle: /no/such/file}", "s3_catalog.yaml:1: s3.ca_bundle: Path does not point to a file"),
        ("schedule: {cron: daily}", "s3_catalog.yaml:1: schedule.cron: not a cron expression"),
        ("schedule: {timezone: Mars/Base}", "s3_catalog.yaml:1: schedule.timezone: not a time zone"),
        ("keep_runs: 1\nkeep_runs: 2", "s3_catalog.yaml:2: keep_runs: stands here a second time"),
        ("include: &a ['x']\nexclude: *a", "s3_catalog.yaml:2: exclude: YAML aliases are not supported"),
        ("include: &a [*a]", "s3_catalog.yaml:1: include[0]: YAML aliases are not supported"),
        ("location: !secret x", "s3_catalog.yaml:1: location: YAML tags are not supported"),
        ("just text", "s3_catalog.yaml:1: not settings: write 'key: value' lines; the keys are location, "),
        ("[" * 3000, "s3_catalog.yaml: nested too deeply"),
    ],
)
def test_an_error_names_line_path_reason_and_choices(tmp_path: Path, text: str, expected: str) -> None:
    first, *_ = problems(tmp_path, text)
    assert first.startswith(expected)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("s3:\n  region: [a", 3),
        ("a: 1\n\tb: 2", 2),
        ("s3:\n  secret_access_key: *do-not-show-this", 2),
        ("s3:\n  secret_access_key: !do-not-show-this!x y", 2),
        ("s3:\n  secret_access_key: 'do-not-show-this", 2),
        ("s3:\n  secret_access_key: @do-not-show-this", 2),
    ],
)
def test_broken_yaml_is_reported_with_its_line_and_without_its_text(tmp_path: Path, text: str, line: int) -> None:
    (problem,) = problems(tmp_path, text)
    assert re.match(rf"s3_catalog\.yaml:({line}|{line - 1}): not valid YAML: ", problem)


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "s3:\n  regoin: x\n  secret_access_key: do-not-show-this\nlisting:\n  workers: no\ncatalog: ${UNSET}\n"
    found = problems(tmp_path, text)
    assert [line.split(": ")[0:2] for line in found] == [
        ["s3_catalog.yaml:2", "s3.regoin"],
        ["s3_catalog.yaml:3", "s3.secret_access_key"],
        ["s3_catalog.yaml:5", "listing.workers"],
        ["s3_catalog.yaml:6", "catalog"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "s3: {access_key_id: A, secret_access_key: do-not-show-this}",
        "s3: {access_key_id: A, secret_access_key: 'x${SET}'}",
        "s3: {access_key_id: A, secret_access_key: '${SET:-do-not-show-this}'}",
        "s3: {access_key_id: A, secret_access_key: '$${SET}'}",
        "s3: {access_key_id: A, secret_access_key: '${SET}', session_token: do-not-show-this}",
        "client_options: {account_key: do-not-show-this}",
        "client_options: {azure_storage_sas_token: do-not-show-this}",
        "client_options: {CLIENT_SECRET: do-not-show-this}",
        "catalog: postgresql://user:do-not-show-this@host/db",
        "catalog: postgresql://user:do/not@show#this@host/db",
        "catalog: postgresql://user:${SET:-do-not-show-this}@host/db",
        "catalog: postgresql+psycopg://host/db?user=u&password=do-not-show-this",
    ],
)
def test_a_secret_in_the_file_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text, SET="v")
    assert "cannot stand in the file: write ${VARIABLE}" in problem


def test_a_secret_comes_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    text = "s3: {access_key_id: AK, secret_access_key: '${K}', session_token: '${T:-}'}\ncatalog: postgresql://u:${P}@h/db"
    settings = load(tmp_path, text, K=SECRET, P=f"{SECRET}/@:")
    options = settings.store_options()
    assert (options.access_key_id, options.secret_access_key, options.session_token) == ("AK", SECRET, None)
    assert settings.catalog == f"postgresql://u:{SECRET}%2F%40%3A@h/db"
    assert SECRET not in repr(settings)
    assert SECRET not in repr(options)


def test_a_catalog_url_may_come_whole_from_the_environment(tmp_path: Path) -> None:
    assert load(tmp_path, "catalog: ${URL}", URL="postgresql://u:p%40@h/db").catalog == "postgresql://u:p%40@h/db"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}/${B}", "one/"),
        ("${MISSING:-two}", "two"),
        ("${B:-three}", "three"),
        ("$${A}", "${A}"),
        ("US$5", "US$5"),
    ],
)
def test_references_are_replaced_as_in_a_shell(tmp_path: Path, text: str, expected: str) -> None:
    assert load(tmp_path, f"include: ['{text}']", A="one", B="").include == (expected,)


def test_what_a_variable_holds_is_text_and_never_yaml_or_a_reference(tmp_path: Path) -> None:
    value = "x'], exclude: ['${HOME}"
    assert load(tmp_path, "include: ['${A}']", A=value).include == (value,)


@pytest.mark.parametrize("text", ["${A", "${1A}", "${A:?wrong}", "${}"])
def test_what_only_looks_like_a_reference_is_an_error(tmp_path: Path, text: str) -> None:
    assert "not a reference" in problems(tmp_path, f"include: ['{text}']", A="x")[0]


def test_unset_variables_are_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "include:\n  - '${TWO}/${ONE}'")
    assert problem == "s3_catalog.yaml:2: include[0]: the environment variable ONE, TWO is not set"


def test_text_stays_as_written(tmp_path: Path) -> None:
    settings = load(tmp_path, "s3: {profile: 00123, region: no, role_arn: 1e3}\ninclude: [2024-01-31]")
    assert (settings.s3.profile, settings.s3.region, settings.s3.role_arn) == ("00123", "no", "1e3")
    assert settings.include == ("2024-01-31",)


def test_a_key_with_nothing_behind_it_is_not_given(tmp_path: Path) -> None:
    assert load(tmp_path, "s3:\n  # region: x\nmax_object_size:\nlocation: s3://b/") == load(tmp_path, "location: s3://b/")


@pytest.mark.parametrize(("text", "size"), [("5 GiB", 5 * 2**30), ("500MB", 500 * 10**6), ("4096", 4096), ("1.5 KiB", 1536)])
def test_sizes_have_units(tmp_path: Path, text: str, size: int) -> None:
    assert load(tmp_path, f"max_object_size: {text}").max_object_size == size


def test_one_glob_needs_no_list(tmp_path: Path) -> None:
    assert load(tmp_path, "include: '*.csv'").include == ("*.csv",)


@pytest.mark.parametrize("template", ["{table}/{year}/*.parquet", "exports/orders-{date}.csv"])
def test_a_table_is_pinned_by_a_template(tmp_path: Path, template: str) -> None:
    assert load(tmp_path, f"tables: [{{path: '{template}', format: csv}}]").tables[0].path == template


@pytest.mark.parametrize("template", ["{}/x", "{a.b}/x", "{a:02}/x", "t/{y}/{y}/x", "{year}/*.csv"])
def test_a_template_that_grouping_refuses_is_refused_at_once(tmp_path: Path, template: str) -> None:
    assert problems(tmp_path, f"tables:\n  - path: '{template}'")[0].startswith("s3_catalog.yaml:2: tables[0]: path template ")


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "tables: [{path: 'x/*', format: cvs}]")
    assert problem.startswith("s3_catalog.yaml:1: tables[0].format: unknown format; choose one of ")
    assert "csv, " in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("columns: {a: integer}", "hints[0].columns.a: unknown type; choose one of boolean, tinyint, "),
        ("columns: {a: decimal(10,2)}", "hints[0].columns.a: unknown type; choose one of "),
        ("columns: {a: 'decimal(10,12)'}", "hints[0].columns.a: unknown type; choose one of "),
        ("csv: {delimiter: ';;'}", "hints[0].csv.delimiter: not a delimiter: one character"),
        ('csv: {delimiter: "\\n"}', "hints[0].csv.delimiter: not a delimiter: one character"),
        ("csv: {quote: ab}", "hints[0].csv.quote: should be one character"),
        ("csv: {delimiter: ';', quote: ';'}", "hints[0].csv: delimiter must be another character than quote and escape"),
        ("csv: {encoding: do-not-show-this}", "hints[0].csv.encoding: not an encoding of text that Python knows"),
        ("csv: {encoding: base64}", "hints[0].csv.encoding: not an encoding of text that Python knows"),
        ("csv: {header: perhaps}", "hints[0].csv.header: should be a valid boolean"),
        ("csv: {skip_lines: -1}", "hints[0].csv.skip_lines: should be greater than or equal to 0"),
        ("csv: {decimal: ';'}", "hints[0].csv.decimal: should be '.' or ','"),
        ("csv: {date_format: DD.MM.YYYY}", "hints[0].csv.date_format: no directive of datetime.strptime is in it"),
        ("csv: {date_format: '100%%d'}", "hints[0].csv.date_format: no directive of datetime.strptime is in it"),
        ("csv: {timestamp_format: '%Q'}", "hints[0].csv.timestamp_format: not a format of datetime.strptime"),
        ("csv: {timestamp_format: '%Y %Y'}", "hints[0].csv.timestamp_format: not a format of datetime.strptime"),
        ("csv: {delimeter: ';'}", "hints[0].csv.delimeter: unknown key, did you mean delimiter?; the keys are delimiter, quote, "),
        ("sheets: x", "hints[0].sheets: unknown key, did you mean sheet?; the keys are columns, csv, rows, sheet, path"),
        ("csv: {}", "hints[0]: nothing is said of these files: give columns, csv, rows or sheet"),
    ],
)
def test_a_wrong_hint_names_its_place_and_the_choices(tmp_path: Path, text: str, expected: str) -> None:
    (problem, *_) = problems(tmp_path, f"hints:\n  - {{path: 'x/*', {text}}}")
    assert problem.startswith(f"s3_catalog.yaml:2: {expected}")


def test_a_type_that_braces_cut_is_told_to_need_quotes(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "hints: [{path: x, columns: {a: decimal(10,2), b: string}}]")
    assert problem.endswith("; put it in quotes: within braces a comma ends a value")


def test_a_pattern_that_no_glob_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "hints: [{path: '[z-a].csv', sheet: x}]")
    assert problem == "s3_catalog.yaml:1: hints[0].path: the pattern '[z-a].csv' is not a glob"


def test_words_of_the_data_are_taken_as_they_stand(tmp_path: Path) -> None:
    text = "hints: [{path: x, rows: '', csv: {quote: '', delimiter: '\\t', header: no, null_markers: [NULL, ~, '', no, 00]}}]"
    hints = load(tmp_path, text).hints[0].read_hints()
    assert (hints.rows, hints.quote, hints.delimiter, hints.header) == ("", "", "\t", False)
    assert hints.null_markers == ("NULL", "~", "", "no", "00")


def test_a_hint_with_nothing_behind_its_key_is_not_given(tmp_path: Path) -> None:
    hints = load(tmp_path, "tables: [{path: 'x/*', rows:, csv: {quote:, null_markers: NA}}]").tables[0].read_hints()
    assert (hints.rows, hints.quote, hints.null_markers) == (None, None, ("NA",))


def test_all_hints_reach_the_readers_and_come_back_from_a_layout(tmp_path: Path) -> None:
    example = yaml.safe_load(uncommented(example_settings()))["hints"]
    hints = [hint.read_hints() for hint in load(tmp_path, yaml.safe_dump({"hints": example})).hints]
    given = {name for hint in hints for name in (f.name for f in fields(hint)) if getattr(hint, name) not in (None, {})}
    assert given == {f.name for f in fields(ReadHints)}
    assert [read_options(hint.write_options()) for hint in hints] == hints


def test_the_defaults_are_those_of_the_parts_that_take_them(tmp_path: Path) -> None:
    chosen, rules = load(tmp_path, "").inference.model_dump(), InferenceRules()
    logs = rules.log_limits
    of_logs = {"max_log_bytes": logs.max_log_bytes, "max_log_files": logs.max_files}
    of_logs |= {"max_history_files": logs.max_history_files, "max_history_bytes": logs.max_history_bytes}
    assert chosen == {name: of_logs.get(name, getattr(rules, name, None) or getattr(rules.limits, name, None)) for name in chosen}


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory$"):
        load_settings(environ={"S3_CATALOG_CONFIG": str(tmp_path / "none.yaml")})


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"location: s3://K\xf6ln/")
    with pytest.raises(ConfigError, match=r"c\.yaml: not UTF-8 text$"):
        load_settings(path, {})


def test_a_byte_order_mark_and_an_empty_file_are_fine(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufefflocation: s3://b/").location == "s3://b/"
    assert load(tmp_path, "# nothing\n").keep_runs == 100


def test_every_s3_setting_reaches_the_store(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    given = {
        "endpoint_url": "https://h:1", "sts_endpoint_url": "https://h:2", "region": "r", "access_key_id": "AK", "secret_access_key": "${K}",
        "session_token": "${K}", "profile": "p", "role_arn": "a", "external_id": "e", "role_session_name": "n", "path_style": "false",
        "verify_tls": "true", "ca_bundle": str(bundle), "anonymous": "false", "requester_pays": "true",
        "max_attempts": "3", "connect_timeout": "1", "read_timeout": "2.5",
    }  # fmt: skip
    assert given.keys() == S3Settings.model_fields.keys()
    options = load(tmp_path, yaml.safe_dump({"s3": given, "client_options": {"account_name": "lake"}}), K="secret").store_options()
    assert {name: getattr(options, name) for name in given} == {
        **given, "secret_access_key": "secret", "session_token": "secret", "path_style": False, "verify_tls": True, "anonymous": False,
        "requester_pays": True, "max_attempts": 3, "connect_timeout": 1.0, "read_timeout": 2.5,
    }  # fmt: skip
    assert options.client_options == {"account_name": "lake"}


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        nested = getattr(field.annotation, "__args__", (field.annotation,))
        sections = [t for t in nested if isinstance(t, type) and issubclass(t, BaseModel)]
        yield f"{prefix}{name}"
        for section in sections:
            yield from settings_of(section, f"{prefix}{name}.")


def paths_of(value: object, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield f"{prefix}{name}"
            yield from paths_of(below, f"{prefix}{name}.")
    elif isinstance(value, list):
        for below in value:
            yield from paths_of(below, prefix)


def test_the_example_loads_as_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, example_settings()) == load(tmp_path, "")


_IS_NAME_OF_PEOPLE = re.compile(r"client_options\.|(tables|hints)\.columns\.|tags\.(classification|formats|object_tags|bucket_tags)\.")


def test_the_example_names_every_setting_and_its_default(tmp_path: Path) -> None:
    text = uncommented(example_settings())
    document = yaml.safe_load(text)
    named = {path for path in paths_of(document) if not _IS_NAME_OF_PEOPLE.match(path)}
    of_hints = {path.replace("hints", "tables", 1) for path in named if path.startswith("hints.")}
    assert named | of_hints == set(settings_of(Settings))
    defaults = load(tmp_path, "").model_dump()
    for section in ("listing", "inference", "retire", "schedule"):
        assert load(tmp_path, text_of(document, section)).model_dump()[section] == defaults[section]


def text_of(document: dict[str, object], section: str) -> str:
    return yaml.safe_dump({section: document[section]})


def test_every_setting_of_the_example_stands_below_a_comment() -> None:
    before = ""
    for line in example_settings().splitlines():
        if re.match(r"\s*#\w+:", line):
            assert before.lstrip().startswith("#"), line
        before = line


def test_the_configuration_in_the_readme_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    targets, block, hints = re.findall(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").touch()
    assert load(tmp_path, block, CATALOG_PASSWORD="p", LAKE_KEY="k", LAKE_SECRET="s").location == "s3://lake/warehouse/"
    assert [hint.path for hint in load(tmp_path, hints).hints] == ["exports/**/*.csv", "api/*.json"]
    assert [target.label for target in load(tmp_path, targets).publish_to] == ["openmetadata", "glue"]
