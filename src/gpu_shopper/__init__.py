"""Cloud GPU Shopper: rents a GPU, hands over the keys, and makes sure that it is gone afterwards."""
