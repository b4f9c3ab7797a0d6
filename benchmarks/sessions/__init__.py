"""What a Custom Labels model costs, and how long images wait for it: a simulated week for each way to run it (P14).

The sessions decide by the product's own ``vision.domain.session.decisions``, ``vision.domain.session.custom_model`` and
the parameters of ``template.yaml``. Only the clock, the queue and the model are simulated, and everything happens at
the second at which it would: nothing is rounded to a step.
"""
