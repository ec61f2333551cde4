"""moto's server, with what Terraform's provider asks of application autoscaling that moto has not.

Runs in moto's own environment. Tags are kept in memory, and a service need not be in moto's ECS: it is in ministack's.
"""

import json
import sys
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.server import main

_tags: dict[str, dict[str, str]] = {}


def _body(request: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(request.body)
    return told


def _tag_resource(self: Any) -> str:
    told = _body(self)
    _tags.setdefault(told["ResourceARN"], {}).update(told["Tags"])
    return "{}"


def _untag_resource(self: Any) -> str:
    told = _body(self)
    for key in told["TagKeys"]:
        _tags.get(told["ResourceARN"], {}).pop(key, None)
    return "{}"


def _list_tags_for_resource(self: Any) -> str:
    return json.dumps({"Tags": _tags.get(_body(self)["ResourceARN"], {})})


_register = ApplicationAutoScalingResponse.register_scalable_target


def _register_with_tags(self: Any) -> Any:
    answer = _register(self)
    arn = json.loads(answer if isinstance(answer, str) else answer[-1]).get("ScalableTargetARN", "")
    _tags.setdefault(arn, {}).update(_body(self).get("Tags", {}))
    return answer


_ADDED = {
    "tag_resource": _tag_resource,
    "untag_resource": _untag_resource,
    "list_tags_for_resource": _list_tags_for_resource,
    "register_scalable_target": _register_with_tags,
}
for _name, _operation in _ADDED.items():
    setattr(ApplicationAutoScalingResponse, _name, _operation)
setattr(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target", lambda self, r_id: True)  # noqa: B010  not typed

if __name__ == "__main__":
    main(sys.argv[1:])
