# SPDX-License-Identifier: Apache-2.0
"""What `stracelet doctor` tries: `host` reads how this machine and process are set up, `attach` really traces,
`sources` really asks the runtimes, `targets` looks at the processes that a user names.

Each check gives findings; none of them prints, and none fails because another one did.
"""
