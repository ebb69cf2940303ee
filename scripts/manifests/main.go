// Command manifests reads Kubernetes manifests as the API server's own types, and
// refuses fields that they do not have. It is a module of its own, so that dbaudit
// does not depend on Kubernetes. Usage: manifests FILE...
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	code := 0
	for _, name := range os.Args[1:] {
		if err := check(name); err != nil {
			fmt.Fprintf(os.Stderr, "manifests: %s: %v\n", name, err)
			code = 1
		}
	}
	if len(os.Args) < 2 {
		code = 2
	}
	os.Exit(code)
}

func check(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	var errs []error
	for i, document := range bytes.Split(data, []byte("\n---\n")) {
		if err := strict(document); err != nil {
			errs = append(errs, fmt.Errorf("document %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

func strict(document []byte) error {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	var into any
	switch head.APIVersion + " " + head.Kind {
	case "v1 ServiceAccount":
		into = &core.ServiceAccount{}
	case "v1 ConfigMap":
		into = &core.ConfigMap{}
	case "v1 Service":
		into = &core.Service{}
	case "apps/v1 Deployment":
		into = &apps.Deployment{}
	case "networking.k8s.io/v1 NetworkPolicy":
		into = &networking.NetworkPolicy{}
	case "batch/v1 CronJob":
		into = &batch.CronJob{}
	default:
		return fmt.Errorf("unknown kind %s of %s", head.Kind, head.APIVersion)
	}
	return yaml.UnmarshalStrict(document, into)
}
