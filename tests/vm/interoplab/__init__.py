"""The interoperation table: wgbfd against stock bfdd, BIRD and itself, over in-kernel WireGuard."""
