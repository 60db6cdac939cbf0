"""One folder a kind of component, each meeting `contract.Driver`; `registry` finds them by name, lazily."""
