// Command manifests decodes Kubernetes manifests with the types of the API, and fails for unknown fields. It is a
// separate module, so that dbaudit does not depend on Kubernetes. Usage: manifests FILE...
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
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
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	types := runtime.NewScheme()
	errs := []error{apps.AddToScheme(types), batch.AddToScheme(types), core.AddToScheme(types), networking.AddToScheme(types)}
	decoder := serializer.NewCodecFactory(types, serializer.EnableStrict).UniversalDeserializer()
	for i, document := range bytes.Split(data, []byte("\n---\n")) {
		if _, _, err := decoder.Decode(document, nil, nil); err != nil {
			errs = append(errs, fmt.Errorf("document %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}
