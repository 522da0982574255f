"""The arguments that belong to one kind of what keeps a workload's pods: Kubernetes' own fields, in snake_case."""

from collections.abc import Sequence
from typing import Required, TypedDict

from pulumi import Input

from components._args import ClaimRetentionPolicyArgs, VolumeClaimTemplateArgs


class StatefulSetArgs(TypedDict, total=False):
    """What belongs to a StatefulSet alone (apps/v1 StatefulSetSpec)."""

    service_name: Input[str]
    """The headless Service that gives the pods their DNS names; none by default. It cannot change later."""
    pod_management_policy: Input[str]
    """OrderedReady (the default): pods come and go one after another. Parallel: all at once. It cannot change later."""
    volume_claim_templates: Input[Sequence[Input[VolumeClaimTemplateArgs]]]
    """Claims that each pod gets for itself; none by default. They cannot change later."""
    persistent_volume_claim_retention_policy: Input[ClaimRetentionPolicyArgs]
    """What becomes of the claims when pods go; they stay by default."""


class DaemonSetArgs(TypedDict, total=False):
    """How a DaemonSet replaces its pods (apps/v1 RollingUpdateDaemonSet): one of the two is not 0."""

    max_unavailable: Input[str]
    """Number or percentage of nodes whose pod may be missing at a time; 1 by default."""
    max_surge: Input[str]
    """Number or percentage of nodes that have the new pod beside the old one at a time; 0 by default. It needs
    `max_unavailable: "0"`."""


class JobArgs(TypedDict, total=False):
    """How a Job runs its pods to their end (batch/v1 JobSpec); also for the Jobs of a CronJob."""

    completions: Input[int]
    """How many pods have to succeed; 1 by default. Another number runs the Job again."""
    parallelism: Input[int]
    """How many pods run at a time; 1 by default. Another number runs the Job again."""
    completion_mode: Input[str]
    """NonIndexed (the default) or Indexed: each pod gets a number of its own, from 0 to `completions` - 1, in
    `JOB_COMPLETION_INDEX`. Another mode runs the Job again."""
    restart_policy: Input[str]
    """Never (the default): a pod that fails is followed by another one. OnFailure: its container is started again in
    the same pod; then each restart of a sidecar, too, counts towards `backoff_limit`."""
    backoff_limit: Input[int]
    """How many failures are followed by another attempt, with pauses that grow from 10 seconds to 6 minutes; 6 by
    default."""
    active_deadline_seconds: Input[int]
    """Seconds after which a Job that is not complete has failed; none by default."""
    ttl_seconds_after_finished: Input[int]
    """Seconds after which a finished Job is deleted, with its pods and their logs; never by default. A Job of
    kind Job is kept when it has failed, and when no run has seen it complete. `pulumi refresh` notes that it is gone,
    and the next `up` runs it again."""
    suspend: Input[bool]
    """True: no pods run until it is false; not for the Jobs of a CronJob. False by default."""


class CronJobArgs(TypedDict, total=False):
    """When a CronJob makes Jobs, and what becomes of them (batch/v1 CronJobSpec)."""

    schedule: Required[Input[str]]
    """Minute, hour, day of the month, month and weekday, such as `30 2 * * 1-5`; or `@hourly`, `@daily`, `@weekly`,
    `@monthly`, `@yearly`, `@every 1h30m`."""
    time_zone: Input[str]
    """IANA time zone of the schedule, such as Europe/Berlin; that of the cluster's controllers by default."""
    concurrency_policy: Input[str]
    """While a Job still runs: Allow (the default) starts the next one beside it, Forbid leaves that one out, Replace
    ends the one that runs."""
    suspend: Input[bool]
    """True: no more Jobs are made; those that run go on. False by default."""
    starting_deadline_seconds: Input[int]
    """Seconds by which a Job may start late, 10 or more; any by default."""
    successful_jobs_history_limit: Input[int]
    """How many complete Jobs are kept; 3 by default."""
    failed_jobs_history_limit: Input[int]
    """How many failed Jobs are kept; 1 by default."""
