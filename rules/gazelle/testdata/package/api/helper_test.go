package api_test

import (
	"testing"

	"example.com/app/api"
)

func TestMain(*testing.T) { api.Main(nil) }
