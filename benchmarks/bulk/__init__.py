"""What a bulk run does and costs (P10–P13): rate and throttles of the real worker, counted requests, a simulation.

The contender is the product's own ``vision.services.bulk_worker.BatchWorker`` with its adapters and botocore. A server
in the shape of AWS answers it, or the local engine; what takes hours is simulated with the product's own decisions.
"""
