"""SIP trunks of tenants, and what engines are told of them."""
