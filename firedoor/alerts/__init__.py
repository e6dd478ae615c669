"""Alerts: one module a source (who sent it, what it says), and which runbook an alert starts."""

from firedoor.alerts import (
    alertmanager,
    cloudevents,
    cloudtrail,
    datadog,
    elastic,
    generic,
    gitguardian,
    github,
    grafana,
    guardduty,
    health,
    opsgenie,
    pagerduty,
    securityhub,
    sentry,
    splunk,
    standard_webhooks,
    trufflehog,
)
from firedoor.alerts._alert import Alert
from firedoor.alerts._matching import Matches, match, matches
from firedoor.alerts._source import Headers, Lock, Parsed, Source, UnauthenticatedError

#: Every source by its name in `triggers`. One line a source.
SOURCES: dict[str, Source] = {
    alertmanager.NAME: alertmanager,
    cloudevents.NAME: cloudevents,
    cloudtrail.NAME: cloudtrail,
    datadog.NAME: datadog,
    elastic.NAME: elastic,
    generic.NAME: generic,
    gitguardian.NAME: gitguardian,
    github.NAME: github,
    grafana.NAME: grafana,
    guardduty.NAME: guardduty,
    health.NAME: health,
    opsgenie.NAME: opsgenie,
    pagerduty.NAME: pagerduty,
    securityhub.NAME: securityhub,
    sentry.NAME: sentry,
    splunk.NAME: splunk,
    standard_webhooks.NAME: standard_webhooks,
    trufflehog.NAME: trufflehog,
}

__all__ = [
    "SOURCES",
    "Alert",
    "Headers",
    "Lock",
    "Matches",
    "Parsed",
    "Source",
    "UnauthenticatedError",
    "match",
    "matches",
]
