"""The benchmarks on clusters: the same Tasks at the same moments for every policy, with everything real but the Pods.

Simulated nodes (L2) run Pods as the simulator's machines would; real nodes (L3) run burners.
"""
