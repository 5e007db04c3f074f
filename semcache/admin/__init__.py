"""Work that operators cause or rely on: jobs, invalidation, scheduled maintenance, the self-check.

It knows the ports and the policy, and nothing of HTTP, Redis or FAISS; who may do what was decided before.
"""
