"""The command line `cpsc`: `main.main()`. One file a verb in `cpsc/verbs`."""
