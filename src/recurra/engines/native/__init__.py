"""The native engine: programs run by a C++ library, forward, backward and step by step."""
