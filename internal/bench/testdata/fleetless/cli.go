package cli

import "github.com/spf13/cobra"

func newServeCommand(*app) *cobra.Command { return &cobra.Command{Use: "serve"} }

func newWorkerCommand(*app) *cobra.Command { return &cobra.Command{Use: "worker"} }

func newFleetCommand(*app) *cobra.Command { return &cobra.Command{Use: "fleet"} }
