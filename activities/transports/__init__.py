"""The ways to customers, one module a transport: mail by SMTP, mail by SES, Slack, webhooks."""
