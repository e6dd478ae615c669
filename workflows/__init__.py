"""Workflows: the deterministic half of the worker. Imports temporalio and pure modules of firedoor, nothing else."""

from workflows.campaign import CampaignWorkflow
from workflows.clocks import ClocksWorkflow
from workflows.incident import IncidentWorkflow

WORKFLOWS = (CampaignWorkflow, ClocksWorkflow, IncidentWorkflow)
