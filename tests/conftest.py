"""The rules that hold for every test; fixtures live beside the tests that use them."""

pytest_plugins = ["pytester", "tests.support.ci_rules", "tests.support.isolation", "tests.support.seeds"]
