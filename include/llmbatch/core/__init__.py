"""Pure part of llmbatch: words, rules and arithmetic that every room shares. No I/O but ``load_config``."""
