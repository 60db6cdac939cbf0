"""What `planaria --help` must not wait for."""

import subprocess
import sys


def test_the_registry_and_all_settings_import_neither_clients_nor_cryptography() -> None:
    code = (
        "import sys; from planaria.drivers import registry; registry.options_models();"
        "print(*{'redis', 'cryptography', 'blake3', 'zstandard'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
