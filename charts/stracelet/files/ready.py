# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001, T201 -- a script, not a package
"""`helm test`: each agent's pod answers that it is ready. Runs in the chart's image, as the agents' service account."""

import os
import ssl
import sys
import urllib.error
import urllib.request

import kubernetes.config
from kubernetes.client.api.core_v1_api import CoreV1Api

kubernetes.config.load_incluster_config()
agents = CoreV1Api().list_pod_for_all_namespaces(label_selector=os.environ["SELECTOR"], _request_timeout=30).items
context = ssl.create_default_context()
# The certificate is made out to no pod's address; whether it is the right one is the scraper's to check.
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
failed = 0
for agent in agents:
    name, address = f"{agent.metadata.name} on {agent.spec.node_name}", agent.status.pod_ip or "no address yet"
    address = f"[{address}]" if ":" in address else address
    try:
        with urllib.request.urlopen(os.environ["ADDRESS"] % address, timeout=10, context=context):
            print(f"{name}: ready")
    except urllib.error.HTTPError as error:
        failed += 1
        print(f"{name}: not ready: {error.read().decode(errors='replace').strip()}")
    except OSError as error:
        failed += 1
        print(f"{name}: {error}")
print(f"{len(agents) - failed} of {len(agents)} agents are ready")
sys.exit(1 if failed or not agents else 0)
