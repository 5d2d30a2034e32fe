# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "ecs-task-stop"

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
  description = "Name of the ECS cluster"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.cluster))
    error_message = "The cluster must match ^[A-Za-z0-9_-]+$."
  }
}

variable "service" {
  type        = string
  description = "Name of the ECS service whose tasks are hit"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.service))
    error_message = "The service must match ^[A-Za-z0-9_-]+$."
  }
}

variable "selection" {
  type        = string
  description = "Which of the service's tasks, such as COUNT(1) or PERCENT(50), which is rounded down"
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
