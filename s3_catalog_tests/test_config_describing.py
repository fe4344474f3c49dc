"""The settings of tags and samples: what they mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3_catalog.describing import DescribeRules
from s3_catalog.formats import ReadLimits
from s3_catalog_tests.test_config import load, problems


def test_rules_of_tags_may_be_written_long_or_short(tmp_path: Path) -> None:
    long = """
        tags:
          default: [Source.S3, Tier.Bronze]
          paths: [{match: pii, tag: [PII.Sensitive, PII.Data]}, {match: financial, tag: Finance.CriticalData}]
          classification: {finance: Tier.Gold, logs/web/: [Tier.Silver]}
    """
    short = """
        tags:
          default: "Source.S3,Tier.Bronze"
          paths: "pii:PII.Sensitive,PII.Data; financial:Finance.CriticalData"
          classification: "finance/:Tier.Gold; logs/web:Tier.Silver"
    """
    rules = load(tmp_path, long).tags.rules()
    assert rules == load(tmp_path, short).tags.rules()
    assert rules.paths == (("pii", "PII.Sensitive"), ("pii", "PII.Data"), ("financial", "Finance.CriticalData"))
    assert rules.prefixes == (("finance/", "Tier.Gold"), ("logs/web/", "Tier.Silver"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tags: {default: Bronze}", "tags.default: not a tag: write Classification.Tag, like PII.Email or Tier.Gold"),
        ("tags: {paths: 'pii'}", "tags.paths: not a list of rules: write keyword:Classification.Tag; keyword:Classification.Tag"),
        ("tags: {paths: 'pii:Sensitive'}", "tags.paths[0].tag: not a tag: "),
        ("tags: {paths: [{match: '[z-a]/', tag: A.b}]}", "tags.paths[0].match: the pattern '[z-a]/' is not a glob"),
        ("tags: {paths: [{match: pii}]}", "tags.paths[0].tag: Field required"),
        ("tags: {paths: [{match: pii, tag: []}]}", "tags.paths[0].tag: Value should have at least 1 item"),
        ("tags: {classification: {'a/*': A.b}}", "tags.classification: not a prefix: "),
        ("tags: {classification: {/: A.b}}", "tags.classification: not a prefix: "),
        ("tags: {sizes: [{min: -1, tag: A.b}]}", "tags.sizes[0].min: "),
        ("tags: {sizes: [{min: much, tag: A.b}]}", "tags.sizes[0].min: "),
        ("tags: {formats: {cvs: A.b}}", "tags.formats: unknown format; choose one of "),
        ("tags: {object_tags: {team: A.b}}", "tags.object_tags: not a classification: write one name without a dot, like Team"),
        ("tags: {bucket_tags: {team: ' '}}", "tags.bucket_tags: not a classification: "),
        ("tags: {path: x}", "tags.path: unknown key, did you mean paths?; the keys are default, paths, "),
        ("samples: {max_rows: 0}", "samples.max_rows: should be greater than or equal to 1"),
        ("samples: {max_rows: 100, scan_rows: 50}", "samples: scan_rows must be at least max_rows"),
        ("samples: {detectors_off: fone}", "samples.detectors_off: unknown detector; choose of "),
        ("samples: {withhold: {paths: '[z-a]/'}}", "samples.withhold.paths[0]: the pattern '[z-a]/' is not a glob"),
        ("samples: {withhold: {tag: x}}", "samples.withhold.tag: unknown key, did you mean tags?; the keys are paths, tables, tags"),
        ("samples: {full_profile: {max_bytes: 0}}", "samples.full_profile.max_bytes: should be greater than 0"),
    ],
)
def test_a_wrong_setting_of_tags_or_samples_names_its_place_and_the_choices(tmp_path: Path, text: str, expected: str) -> None:
    (problem, *_) = problems(tmp_path, text)
    assert problem.startswith(f"s3_catalog.yaml:1: {expected}")


def test_the_defaults_of_samples_are_those_of_the_hop_that_takes_them(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert settings.samples.rules(settings.tags.rules(), ReadLimits()) == DescribeRules()
