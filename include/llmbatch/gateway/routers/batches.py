"""``/v1/batches``: the Batch API of OpenAI, for its SDKs unchanged."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from llmbatch.gateway.openai.batch import Batch, BatchPage
from llmbatch.gateway.openai.batch_order import BatchOrder, NewBatch
from llmbatch.gateway.openai.batches import Batches
from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep, admitting, starter_of
from llmbatch.gateway.wire.failures import Failure

MOST_LISTED = 100

router = APIRouter(prefix="/v1/batches", tags=["openai"])


def batches_of(parts: PartsDep, caller: CallerDep) -> Batches:
    """Return the batches of the caller."""
    return Batches(parts.store, parts.config.store.base_uri, parts.airflow, parts.clock, caller)


BatchesDep = Annotated[Batches, Depends(batches_of)]


@router.post("", response_model=Batch, dependencies=[Depends(starter_of), Depends(admitting)])
async def create_batch(
    body: NewBatch,
    batches: BatchesDep,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    retry_count: Annotated[str | None, Header(alias="x-stainless-retry-count", max_length=10)] = None,
) -> Batch:
    """Create a batch over an uploaded file. What is wrong in the file shows as status ``failed`` later."""
    order = BatchOrder.of(body)
    is_repeated = retry_count is not None and retry_count.strip("0") != ""
    return await batches.create(order, idempotency_key or body.idempotency_key, is_repeated=is_repeated)


@router.get("", response_model=BatchPage)
async def list_batches(
    batches: BatchesDep,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(json_schema_extra={"minimum": 0, "maximum": MOST_LISTED})] = 20,
) -> BatchPage:
    """Return the caller's batches, the newest first."""
    if not 0 <= limit <= MOST_LISTED:
        side, word, sign, bound = (
            ("above maximum", "maximum", "<=", MOST_LISTED) if limit > 0 else ("below minimum", "minimum", ">=", 0)
        )
        raise Failure(
            400,
            f"Invalid 'limit': integer {side} value. Expected a value {sign} {bound}, but got {limit} instead.",
            param="limit",
            code=f"integer_{side.partition(' ')[0]}_{word[:3]}_value",
        )
    return await batches.page(after, limit)


@router.get("/{batch_id}", response_model=Batch)
async def retrieve_batch(batch_id: str, batches: BatchesDep) -> Batch:
    """Return a batch as it is now."""
    return await batches.show(batch_id)


@router.post("/{batch_id}/cancel", response_model=Batch)
async def cancel_batch(batch_id: str, batches: BatchesDep) -> Batch:
    """Cancel a batch: finished rows are delivered, the others end as ``batch_cancelled``. Any body is ignored."""
    return await batches.cancel(batch_id)
