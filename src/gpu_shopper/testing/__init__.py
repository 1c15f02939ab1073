"""Virtual time, clouds that lie and contracts, shipped so that foreign providers can be proven."""
