"""`python -m gpu_shopper` is `gpu-shopper`."""

from gpu_shopper.cli.main import main

if __name__ == "__main__":
    main()
