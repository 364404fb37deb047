@0xc1b2c3d4e5f60003;
# An RPC interface without proxies: contexts mean nothing here.
interface Plain { destroy @0 (); take @1 (p :Plain) -> (); }
