"""The wire: names, pydantic models, CRD generation, and the translation between the wire and the core."""

from typing import Final

GROUP: Final = "loadstar.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "loadstar"

TASK_KIND: Final = "Task"
TASK_PLURAL: Final = "tasks"
POLICY_KIND: Final = "PlacementPolicy"
POLICY_PLURAL: Final = "placementpolicies"
POLICY_NAME: Final = "default"
PROFILE_KIND: Final = "TaskProfile"
PROFILE_PLURAL: Final = "taskprofiles"

TASK_LABEL: Final = "loadstar.dev/task"
TASK_UID_LABEL: Final = "loadstar.dev/task-uid"
CLASS_LABEL: Final = "loadstar.dev/class"
"""On a Task: those with the same value in a namespace are of one class, whatever their workers are."""
PART_LABEL: Final = "loadstar.dev/part"
ATTEMPT_LABEL: Final = "loadstar.dev/attempt"
BASE_WEIGHT_ANNOTATION: Final = f"{GROUP}/base-weight"
TRACKING_FINALIZER: Final = f"{GROUP}/track-completion"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "loadstar"
CONTAINER: Final = "worker"
"""The name of a Pod's one container."""
