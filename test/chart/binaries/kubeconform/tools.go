//go:build tools

// Package tools pins the command that the chart's tests build.
package tools

import _ "github.com/yannh/kubeconform/cmd/kubeconform"
