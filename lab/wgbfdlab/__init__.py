"""The lab: containerlab topologies realised with network namespaces, and what happens in them when a path dies."""
