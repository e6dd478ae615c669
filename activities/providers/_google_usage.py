"""How credentials of Google were used, by Cloud Monitoring: an hour a bucket, kept for six weeks.

API: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list; metrics:
https://cloud.google.com/monitoring/api/metrics_gcp. Requests are counted within minutes; the uses of a service
account's key up to three hours later.
"""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from activities._http import Request
from activities.providers._google import pages
from activities.providers._provider import Api, Use

HOST = "monitoring"
SERIES = "/v3/projects/{project}/timeSeries"
HOUR = 3600
#: The most that Google gives in one page.
PAGE = 100_000
SERVICE, REGION, CLASS = "resource.labels.service", "resource.labels.location", "metric.labels.response_code_class"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One hour, and what was counted apart in it."""

    start: datetime.datetime
    seconds: int
    service: str = ""
    region: str = ""


def key_usage(api: Api, project: str, uid: str, since: datetime.datetime) -> Sequence[Use]:
    """Requests with an API key by service and region; those that were refused count as failed.

    The service stands where other providers tell the model: it is what a leaked key is used for.
    """
    wanted = (
        'metric.type="serviceruntime.googleapis.com/api/request_count" AND resource.type="consumed_api" '
        f'AND resource.labels.credential_id="apikey:{uid}"'
    )
    requests: Counter[Bucket] = Counter()
    failed: Counter[Bucket] = Counter()
    for series in _series(api, project, wanted, since, (SERVICE, REGION, CLASS)):
        resource = (series.get("resource") or {}).get("labels") or {}
        answered = str(((series.get("metric") or {}).get("labels") or {}).get("response_code_class") or "")
        service, region = str(resource.get("service") or ""), str(resource.get("location") or "")
        for start, seconds, count in _points(series):
            bucket = Bucket(start, seconds, service, region)
            requests[bucket] += count
            failed[bucket] += count if answered[:1] in {"4", "5"} else 0
    return [
        Use(one.start, one.seconds, count, failed=failed[one], model=one.service, region=one.region)
        for one, count in sorted(requests.items(), key=lambda item: (item[0].start, item[0].service, item[0].region))
    ]


def account_key_usage(api: Api, project: str, key: str, since: datetime.datetime) -> Sequence[Use]:
    """How often a service account's key was used to authenticate: not what was done with it."""
    wanted = (
        'metric.type="iam.googleapis.com/service_account/key/authn_events_count" '
        f'AND resource.type="iam_service_account" AND metric.labels.key_id="{key}"'
    )
    found = [
        Use(start, seconds, count)
        for series in _series(api, project, wanted, since, ())
        for start, seconds, count in _points(series)
    ]
    return sorted(found, key=lambda use: use.start)


def _series(
    api: Api, project: str, wanted: str, since: datetime.datetime, by: Sequence[str]
) -> Sequence[Mapping[str, Any]]:
    now = datetime.datetime.now(datetime.UTC)
    query: dict[str, Any] = {
        "filter": wanted,
        "interval.startTime": _stamp(since),
        "interval.endTime": _stamp(now),
        "aggregation.alignmentPeriod": f"{HOUR}s",
        "aggregation.perSeriesAligner": "ALIGN_SUM",
        "aggregation.crossSeriesReducer": "REDUCE_SUM",
        "view": "FULL",
        "pageSize": PAGE,
    }
    if by:
        query["aggregation.groupByFields"] = list(by)
    request = Request("GET", SERIES, ids={"project": project}, query=query, permission="monitoring.timeSeries.list")
    return pages(api, HOST, request, "timeSeries")


def _points(series: Mapping[str, Any]) -> Sequence[tuple[datetime.datetime, int, int]]:
    """Begin, seconds and count of what was counted at all."""
    found: list[tuple[datetime.datetime, int, int]] = []
    for point in series.get("points") or ():
        count = int(point["value"].get("int64Value") or point["value"].get("doubleValue") or 0)
        end = datetime.datetime.fromisoformat(point["interval"]["endTime"])
        if count:
            found.append((end - datetime.timedelta(seconds=HOUR), HOUR, count))
    return found


def _stamp(when: datetime.datetime) -> str:
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
