"""The Python package index: policy, settings, client, cached answers and the resolvers that use them."""
