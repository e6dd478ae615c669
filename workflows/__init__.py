"""Workflows: the deterministic half of the worker. Imports temporalio and pure modules of firedoor, nothing else."""

from workflows.clocks import ClocksWorkflow
from workflows.incident import IncidentWorkflow

WORKFLOWS = (ClocksWorkflow, IncidentWorkflow)
