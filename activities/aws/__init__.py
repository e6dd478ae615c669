"""AWS: the functions of the `aws.*` steps, on boto3."""
