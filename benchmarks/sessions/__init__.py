"""The cost of a Custom Labels model, and the waiting time of images: a simulated week for each policy (P14).

The sessions use the decisions of the product, ``vision.domain.session.decisions`` and
``vision.domain.session.custom_model``, and the parameters of ``template.yaml``. Only the clock, the queue and the model
are simulated, to the exact second: nothing is rounded to a step.
"""
