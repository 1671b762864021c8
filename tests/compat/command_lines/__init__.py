"""The official command lines against a control plane, which these tests share."""
