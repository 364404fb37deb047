package common

import "testing"

func TestCommon(*testing.T) {}
