"""The Python package index: policy, settings, client, kept answers and the resolvers that use them."""
