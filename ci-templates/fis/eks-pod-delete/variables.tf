# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "eks-pod-delete"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name))
    error_message = "The name must be up to 28 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  type        = string
  description = "Environment that is hit, as the template's tag says"
  default     = "staging"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.environment))
    error_message = "The environment must match ^[A-Za-z0-9_.-]+$."
  }
}

variable "cluster" {
  type        = string
  description = "Name of the EKS cluster"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*$", var.cluster))
    error_message = "The cluster must match ^[A-Za-z0-9][A-Za-z0-9_-]*$."
  }
}

variable "namespace" {
  type        = string
  description = "Namespace of the pods and of the service account"
  default     = "default"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.namespace))
    error_message = "The namespace must match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$."
  }
}

variable "selector" {
  type        = string
  description = "Label that the pods have, such as app=shop"

  validation {
    condition     = can(regex("^[A-Za-z0-9./_-]+=[A-Za-z0-9._-]+$", var.selector))
    error_message = "The selector must match ^[A-Za-z0-9./_-]+=[A-Za-z0-9._-]+$."
  }
}

variable "service_account" {
  type        = string
  description = "Service account of rbac.yml"
  default     = "faultgate-fis"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.service_account))
    error_message = "The service_account must match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$."
  }
}

variable "selection" {
  type        = string
  description = "Which of the pods with that label, such as COUNT(1) or PERCENT(50), which is rounded down"
  default     = "COUNT(1)"

  validation {
    condition     = can(regex("^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$", var.selection))
    error_message = "The selection must match ^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$."
  }
}

variable "load_balancer" {
  type        = string
  description = "Application load balancer in front of it, such as app/staging/0123456789abcdef"

  validation {
    condition     = can(regex("^app/[^/]+/[0-9a-f]+$", var.load_balancer))
    error_message = "The load_balancer must match ^app/[^/]+/[0-9a-f]+$."
  }
}

variable "errors_per_minute" {
  type        = number
  description = "HTTP 5xx answers of the load balancer in each of three minutes that stop the experiment"
  default     = 10

  validation {
    condition     = var.errors_per_minute >= 1 && var.errors_per_minute <= 1000000
    error_message = "The errors_per_minute must be from 1 to 1000000."
  }
}
