"""The performance and cost of a bulk run (P10–P13): rate and throttling of the worker, requests, a simulation.

The contender is the product's own ``vision.services.bulk_worker.BatchWorker`` with its adapters and botocore. A server
that imitates AWS answers it, or the local engine; runs of hours are simulated with the product's own decisions.
"""
