"""What tests in the virtual machine share: a report, namespaces, WireGuard, wgbfd and BFD packets of one's own making."""
