# SPDX-License-Identifier: Apache-2.0
"""`kubectl strace`: strace for pods, through kubectl and stracelet's agents.

It asks the cluster through kubectl alone, so that whatever kubectl is given (contexts, exec plugins, proxies, `--as`)
holds here; agents are reached by `kubectl port-forward`, and get a key that was made for one trace, never a credential.
A module imports only what stands before it::

    errors  text  durations             one line for each failure; text that steers no terminal
    targets  flags  command_line        what the command line says
    refusals  kubectl                   kubectl as a function; what it says, in one line
    parallel  signals
    pods  resolution                    names to pods, and to what a Trace object is to allow
    agents  forwarding  traces  api     which agents, the way to them, the right to ask them, their HTTP
    session                             what is made in the cluster, and unmade at the end
    stream  merging  output  progress   lines of many agents, in the order of time
    left_out                            namespaces that are not traced
    trace  sidecar  ps  doctor  completion  main
"""

__version__ = "0.1.0.dev0"
