"""The commented configuration that `planaria init` writes."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*(?:://[A-Za-z0-9/._-]+)?")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")

Profile = Literal["somabrain"]

_HEAD = """\
# Planaria: what is protected, where to, and for how long.
# Check it with `planaria doctor`. Passwords and keys are never written here, only where to find them:
# {{env: NAME}}, {{file: PATH}}. Durations: 90s, 4h, 7d. Sizes: 512MiB, 10GiB. Times are UTC.

environment: {environment}  # typed to confirm a recovery into the services below

objectives:
  rto: 4h                # a recovery may take this long
  rpo: {rpo}                # this much time of writes may be lost

repository:
  url: {url}
{repository}
budgets:
  memory: 512MiB         # of one planaria process
  spool: 10GiB           # disk that journals may fill while the repository cannot be reached
  # upload: 200MiB/s     # no limit unless set; download likewise
  # workers: 2           # threads that compress and encrypt; one per core unless set

"""

_S3 = """\
  # sse: {kms_key: alias/backups}               # the store encrypts once more, and is checked to have done so
  # checksum: sha256
  # region: eu-central-1
  # endpoint: https://s3.example.org            # a store that is not AWS; often with path_style: true
  # credentials:                                # without them: those of this host, as AWS tools find them
  #   access_key: {env: AWS_ACCESS_KEY_ID}
  #   secret_key: {env: AWS_SECRET_ACCESS_KEY}
"""

_COMPONENTS = """\
# Upstream first: what comes later refers to what comes before.
components:
  redis:
    driver: redis
    url: redis://127.0.0.1:6379                 # rediss:// with TLS; {env: REDIS_URL} when it carries a password
    # schedule: "0 */6 * * *"                   # when bases are taken
    # retention: {bases: 7d, journal: 7d, keep_last_good: 2}

  # files:
  #   driver: directory                         # any tree of files
  #   path: /srv/data
"""

_SOMABRAIN = """\
# Upstream first: PostgreSQL, Redis, memory, Kafka. What comes later refers to what comes before.
# Components in comments wait for their drivers.
components:
  # postgres:                                   # metadata: daily, and any second of the last week
  #   driver: postgres
  #   dsn: {env: SOMABRAIN_PG_DSN}
  #   schedule: "0 2 * * *"
  #   retention: {bases: 30d, journal: 7d, keep_last_good: 2}

  redis:                                        # working memory
    driver: redis
    url: {env: SOMABRAIN_REDIS_URL}             # redis://:PASSWORD@redis.somabrain-prod.svc:6379
    schedule: "0 */6 * * *"
    retention: {bases: 7d, journal: 7d, keep_last_good: 2}

  # memory:                                     # embeddings behind the memory service
  #   driver: milvus
  #   url: http://milvus.somabrain-prod.svc:19530
  #   schedule: "0 4 * * *"
  #   retention: {bases: 30d}

  # kafka:                                      # event streams
  #   driver: kafka
  #   bootstrap: [kafka.somabrain-prod.svc:9092]
  #   topics: ["cog.*", "audit.*", "metrics.*", "soma.*"]
  #   schedule: "0 3 * * *"
  #   retention: {bases: 14d}

  # configuration:                              # every object of the namespace, on change
  #   driver: kubernetes
  #   namespaces: [somabrain-prod]
  #   retention: {bases: 90d}
"""


def starter(
    environment: str,
    repository_url: str,
    profile: Profile | None = None,
    *,
    recipients: Sequence[str] = (),
    identity_file: Path | None = None,
) -> str:
    """YAML that `load` accepts as it stands. Without `recipients` and `identity_file` they stand there as comments."""
    repository = _S3 if repository_url.startswith("s3://") else ""
    if recipients:
        repository += "  recipients:                                   # who can read; public halves only\n"
        repository += "".join(f"    - {_quoted(text)}\n" for text in recipients)
    else:
        repository += '  # recipients: ["key:x25519:…"]              # who can read; public halves only\n'
    repository += (
        "  # Only where restores and drills run. A host that only backs up has `writer_key: {file: …}` instead.\n"
    )
    if identity_file is not None:
        repository += f"  identity: {{file: {_quoted(str(identity_file))}}}\n"
    else:
        repository += "  # identity: {file: /etc/planaria/identity}\n"
    head = _HEAD.format(
        environment=_quoted(environment),
        url=_quoted(repository_url),
        repository=repository,
        rpo="1h" if profile else "5m",
    )
    return head + (_SOMABRAIN if profile else _COMPONENTS)


def _quoted(text: str) -> str:
    """Plain where every YAML reader takes it as text; JSON's strings are YAML's."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text)
