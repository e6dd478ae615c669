"""Deliveries of secret scanners, written anew in the shapes that public recordings, schemas and sources have.

No identifier is anybody's, and what looks like a secret holds the word canary.
"""

from typing import Any

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
#: Values of secrets, each in the shape of its kind. Nothing that leaves a source may hold one of them.
GITHUB_TOKEN = "ghp_canaryCANARY0123456789canary012345"
OPENAI_KEY = "sk-proj-canary_0123456789-canary_0123456789"
HUGGINGFACE_TOKEN = "hf_canaryCANARYcanaryCANARY01234567"
#: Forty characters, as the secret half of an AWS key.
AWS_SECRET = "canary/CANARY0123456789+canary/CANARY012"
PASSWORD = "canary-hunter2"
CANARIES = (GITHUB_TOKEN, OPENAI_KEY, HUGGINGFACE_TOKEN, AWS_SECRET, PASSWORD)

REPOSITORY: dict[str, Any] = {
    "id": 257423561,
    "name": "gateway",
    "full_name": "example/gateway",
    "private": False,
    "visibility": "public",
    "html_url": "https://github.com/example/gateway",
}

#: As the JSON Schema of octokit/webhooks has it; nobody has published a recorded one.
GITHUB: dict[str, Any] = {
    "action": "created",
    "alert": {
        "number": 42,
        "created_at": "2026-11-29T11:58:00Z",
        "updated_at": "2026-11-29T11:58:00Z",
        "url": "https://api.github.com/repos/example/gateway/secret-scanning/alerts/42",
        "html_url": "https://github.com/example/gateway/security/secret-scanning/42",
        "locations_url": "https://api.github.com/repos/example/gateway/secret-scanning/alerts/42/locations",
        "state": "open",
        "secret_type": "openai_api_key",
        "secret_type_display_name": "OpenAI API Key",
        "validity": "active",
        "publicly_leaked": True,
        "multi_repo": False,
        "resolution": None,
        "resolved_by": None,
        "resolved_at": None,
        "resolution_comment": None,
        "push_protection_bypassed": None,
        "push_protection_bypassed_by": None,
        "push_protection_bypassed_at": None,
    },
    "repository": REPOSITORY,
    "sender": {"login": "github", "id": 9919, "type": "Organization"},
}

GITHUB_LOCATION: dict[str, Any] = GITHUB | {
    "location": {
        "type": "commit",
        "details": {
            "path": "deploy/values.yaml",
            "start_line": 7,
            "end_line": 7,
            "start_column": 9,
            "end_column": 60,
            "blob_sha": "af5626b4a114abcb82d63db7c8082c3c4756e51b",
            "commit_sha": "f14d7debf9775f957cf4f1e8176da0786431f72b",
        },
    },
}

GITGUARDIAN: dict[str, Any] = {
    "source": "GitGuardian",
    "timestamp": "2026-11-29T11:58:06.788914Z",
    "action": "incident_triggered",
    "message": "A new incident has been detected.",
    "target_user": "GitGuardian",
    "incident": {
        "id": 3759,
        "date": "2026-11-29T11:58:00Z",
        "detector": {
            "name": "huggingface_user_access_token",
            "display_name": "Hugging Face user access token",
            "nature": "specific",
            "family": "Token",
            "detector_group_name": "huggingface_user_access_token",
            "detector_group_display_name": "Hugging Face user access token",
        },
        "secret_hash": "Ri9FjVgdOlPnBmujoxP4XPJcbe82BhJXB/SAngijw/juCISuOMgPzYhV28m6OG24",
        "hmsl_hash": "05975add34ddc9a38a0fb57c7d3e676ffed57080516fc16bf8d8f14308fedb86",
        "secret_revoked": False,
        "occurrence_count": 4,
        "status": "triggered",
        "regression": False,
        "severity": "high",
        "validity": "valid",
        "tags": ["FROM_HISTORICAL_SCAN", "PUBLICLY_EXPOSED"],
        "gitguardian_url": "https://dashboard.gitguardian.com/workspace/1/incidents/3759",
    },
}

#: One result of `trufflehog git --json`, as `pkg/output/json.go` writes it.
TRUFFLEHOG_AWS: dict[str, Any] = {
    "SourceMetadata": {
        "Data": {
            "Git": {
                "commit": "fbc14303ffbf8fb1c2c1914e8dda7d0121633aca",
                "file": "deploy/keys",
                "email": "Ada <ada@example.com>",
                "repository": "https://github.com/example/gateway.git",
                "timestamp": "2026-11-20 17:11:51 +0000",
                "line": 4,
                "link": "https://github.com/example/gateway/blob/fbc14303/deploy/keys#L4",
            }
        }
    },
    "SourceID": 1,
    "SourceType": 16,
    "SourceName": "trufflehog - git",
    "DetectorType": 2,
    "DetectorName": "AWS",
    "DetectorDescription": "AWS is a comprehensive and evolving cloud computing platform.",
    "DecoderName": "PLAIN",
    "Verified": True,
    "VerificationFromCache": False,
    "Raw": KEY_ID,
    "RawV2": f"{KEY_ID}:{AWS_SECRET}",
    "Redacted": KEY_ID,
    "ExtraData": {
        "account": "111122223333",
        "arn": "arn:aws:iam::111122223333:user/deploy",
        "user_id": "AIDACKCEVSQ6C2EXAMPLE",
        "rotation_guide": "https://howtorotate.com/docs/tutorials/aws/",
        "unknown": f"key is {AWS_SECRET}",
    },
    "StructuredData": None,
    "SecretParts": {"key_id": KEY_ID, "secret": AWS_SECRET},
}

TRUFFLEHOG_GITHUB: dict[str, Any] = TRUFFLEHOG_AWS | {
    "DetectorType": 8,
    "DetectorName": "Github",
    "DetectorDescription": "",
    "Verified": False,
    "VerificationError": f"Get https://api.github.com/user?access_token={GITHUB_TOKEN}: i/o timeout",
    "Raw": GITHUB_TOKEN,
    "RawV2": "",
    "Redacted": GITHUB_TOKEN[:12],
    "ExtraData": None,
    "SecretParts": {"key": GITHUB_TOKEN},
    "SourceMetadata": {"Data": {"Filesystem": {"file": f"/srv/{GITHUB_TOKEN}/notes.txt", "line": 1}}},
}

CLOUDEVENT: dict[str, Any] = {
    "specversion": "1.0",
    "type": "com.example.leak.found",
    "source": "/scanner/eu-west-1",
    "subject": "example/gateway",
    "id": "A234-1234-1234",
    "time": "2026-11-29T11:58:00Z",
    "team": "payments",
    "datacontenttype": "application/json",
    "data": {
        "title": "A key was pasted in public",
        "severity": "critical",
        "access_key_id": KEY_ID,
        "labels": {"channel": "pastebin"},
        "aws_secret_access_key": AWS_SECRET,
    },
}

STANDARD_WEBHOOK: dict[str, Any] = {
    "type": "leak.found",
    "timestamp": "2026-11-29T11:58:00Z",
    "data": {
        "id": "leak_7",
        "title": "A key was pasted in public",
        "severity": 8.5,
        "credential": "key_17",
        "count": 2,
    },
}

#: What the mutations of `test_every_source.py` begin with.
SCANNERS: dict[str, tuple[dict[str, Any], ...]] = {
    "github": (GITHUB, GITHUB_LOCATION),
    "gitguardian": (GITGUARDIAN,),
    "trufflehog": (TRUFFLEHOG_AWS, TRUFFLEHOG_GITHUB),
    "cloudevents": (CLOUDEVENT,),
    "standard_webhooks": (STANDARD_WEBHOOK,),
}
